//! stub
use crate::notation::{Case,Over};
pub struct Trial { pub id:String, pub over:Option<Over>, pub case:Case, pub text:String }
impl Trial { pub fn bare(id:String, over:Option<Over>, case:Case, text:String)->Self{Self{id,over,case,text}} }
